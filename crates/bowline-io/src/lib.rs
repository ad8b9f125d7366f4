//! What Bowline needs of the operating system: UDP batches, poll loop, clock, entropy.
