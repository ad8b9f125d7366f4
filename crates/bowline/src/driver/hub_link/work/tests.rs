//! What the client of a hub hears too late, or not at all.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use super::*;
use crate::builder::ServiceMode;
use crate::sockets::Sockets;

fn sockets() -> Sockets {
    let builder = Sockets::builder().service(ServiceMode::Manual);
    builder.build().expect("an interface")
}

#[test]
fn regression_after_a_panic_of_the_application_another_thread_attends() {
    let sockets = sockets();
    let inner = sockets.inner();
    inner.link.lock().is_attended = true;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _attending = Attending(inner);
        panic!("as a signaling of the application may");
    }));
    assert!(panicked.is_err());
    assert!(!inner.link.lock().is_attended);
}
