"""What makes a drill safe on a cluster that is not its own: the undo's record, snapshots and their comparison, guards.

Nothing here speaks to a cluster: `target/kubernetes` reads and writes, this room says what is written, what differs
and what is refused.
"""
