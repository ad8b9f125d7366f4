//! What went wrong once.

use super::*;

#[test]
fn regression_nonsense_does_not_revive_who_was_refused_or_has_stopped() {
    let (mut refused_one, _) = Desk::greeting();
    refused_one.hear(&refused(Refusal::Blocked, Span::ZERO));
    let mut stopped = Desk::signed_in();
    stopped.client.stop();
    for (mut desk, stays) in [
        (refused_one, Availability::Failed),
        (stopped, Availability::NeverTried),
    ] {
        desk.actions();
        desk.client.on_message(desk.now, &[0xff; 9]);
        assert_eq!(desk.client.availability(), stays);
        assert_eq!(desk.client.poll_timeout(), None);
        assert_eq!(desk.actions(), []);
    }
}
