"""What watches the hub, on a throwaway cluster: the stand-in for its operator, images, the receiver of its alerts."""
