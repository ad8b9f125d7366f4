//! The model checker tries the orders in which threads can run, on the code of production.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p bowline --no-default-features --release --lib models`, with
//! `LOOM_MAX_PREEMPTIONS` for more than three switches of thread in the midst of something. A model fails
//! by an assertion, or because all threads sleep: that is what a lost wake-up looks like. Loom has no
//! time, and no sleep ends by itself here, so nothing that only a timeout would save passes.

mod alone;
mod post;
mod readiness;
mod role;

/// Runs `model` in every order with few preemptions.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.max_branches = 10_000;
    builder.check(model);
}
