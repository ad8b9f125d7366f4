//! A program that has a `tracing` subscriber gets the debug output there, and Lua is told so. A test of its own: the
//! subscriber is the process's, for good.

#![cfg(feature = "vendored")]

mod support;

use tracing::Event;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::span;

/// Wants nothing.
struct Deaf;

impl Subscriber for Deaf {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[test]
fn debug_output_is_refused_where_a_subscriber_has_it() {
    tracing::subscriber::set_global_default(Deaf).expect("the first one");
    let lua = support::beyond();
    support::run::<()>(
        &lua,
        r#"
        assert(U.setDebugOutput(5) == false)
        assert(U.setDebugOutput(8) == false)
        assert(U.setDebugOutput(0) == true, "it is off")
        "#,
    );
}
