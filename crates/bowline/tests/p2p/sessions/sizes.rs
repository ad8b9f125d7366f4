//! How large a message may be.

use bowline::Config;
use bowline::MAX_MESSAGE;
use bowline::Messages;
use bowline::MessagesSendError;
use bowline::ResultCode;
use bowline::ToResult;

use super::CHANNEL;
use super::RELIABLE;
use super::talkers;
use super::with_config;

/// 5 bytes of header.
const HEADER: usize = 5;

/// GNS sends as much, and takes it.
#[test]
fn regression_the_largest_message_is_as_large_as_that_of_gns() {
    let mut config = Config::new();
    config.set_send_buffer(2 * MAX_MESSAGE).unwrap();
    let (mut room, [anna, ben], [from_anna, from_ben]) = with_config(["anna", "ben"], config);
    room.acquaint([&anna, &ben], [&from_anna, &from_ben]);
    assert_eq!(Messages::MAX_MESSAGE, 524_288);
    let largest: Vec<u8> = (0..Messages::MAX_MESSAGE).map(|at| at as u8).collect();
    let sent = from_anna.send(&ben.name, CHANNEL, &largest, RELIABLE);
    assert_eq!(sent, Ok(()));
    let message = room.wait_on(&from_ben, CHANNEL);
    assert!(*message == *largest, "{} bytes", message.len());
}

#[test]
fn what_the_send_buffer_never_takes_is_too_large_for_now() {
    let (_room, [_anna, ben], [from_anna, _from_ben]) = talkers(["anna", "ben"]);
    let largest = vec![0; Messages::MAX_MESSAGE];
    let refused = from_anna.send(&ben.name, CHANNEL, &largest, RELIABLE);
    let (len, max) = (largest.len(), MAX_MESSAGE - HEADER);
    assert_eq!(refused, Err(MessagesSendError::TooLarge { len, max }));
    // As GNS says it.
    assert_eq!(refused.result(), ResultCode::LimitExceeded);
    let sent = from_anna.send(&ben.name, CHANNEL, &largest[..max], RELIABLE);
    assert_eq!(sent, Ok(()));
}
