"""The load: Locust users and shape, the canary, their write logs and what became of them.

Locust patches the process it is imported in, so only the two locustfiles import it; the drill starts
`workbench.load.plan.commands` as subprocesses and reads their files.
"""
