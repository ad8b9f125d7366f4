//! Sending what there is no room for yet.

use std::thread;
use std::time::Duration;

use bowline::SendError;

/// A pause before what found no room is tried again.
const SEND_RETRY: Duration = Duration::from_millis(5);

/// Sends by `send`; blocks while there is no room in the send buffer.
///
/// # Errors
/// As `send`, but never [`SendError::BufferFull`].
pub(crate) fn when_there_is_room<T>(
    mut send: impl FnMut() -> Result<T, SendError>,
) -> Result<T, SendError> {
    loop {
        match send() {
            Err(SendError::BufferFull { .. }) => thread::sleep(SEND_RETRY),
            result => return result,
        }
    }
}
