//! What two peers tried to reach each other, step by step: see [`Connection::story`](crate::Connection::story).
//!
//! Every type here tells its part as text (`Display`). The types are for programs that look for something in it.

pub use bowline_core::ice::CandidateKind;
pub use bowline_core::ice::RouteKind;
pub use bowline_core::ice::ServerFailure;
pub use bowline_core::ice::story::Way;
pub use bowline_core::ice::story::What as WayStep;
pub use bowline_core::p2p::story::Entry;
pub use bowline_core::p2p::story::SignalName;
pub use bowline_core::p2p::story::What;
pub use bowline_core::turn::TurnFailure;
