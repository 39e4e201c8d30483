"""Training, sampling and everything that runs networks; the only floor that knows Accelerate."""
