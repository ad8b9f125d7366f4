//! Deterministic network simulator for Bowline.
