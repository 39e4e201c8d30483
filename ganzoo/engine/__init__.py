"""Training, sampling and everything that runs networks; the only floor that knows Accelerate.

`play` is the arithmetic of a game, `samples` what a generator makes, `life` a run from its first
step to its end, `bench` how fast all of it is. Beside them: a run's launch and Python's view of it.
"""
