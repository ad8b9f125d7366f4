//! Pieces in every order that a peer may think of.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::time::Timestamp;

const MAX: usize = 10;

fn message(bytes: &[u8], reliable: bool) -> Message {
    Message {
        data: Bytes::copy_from_slice(bytes),
        number: MessageNumber::new(1),
        received_at: Timestamp::ZERO,
        lane: LaneIndex::ZERO,
        reliable,
    }
}

fn add(
    pieces: &mut Pieces,
    channel: i32,
    goes_on: bool,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>, DropReason> {
    let header = Header { channel, goes_on };
    let added = pieces.add(header, message(bytes, true), MAX);
    added.map(|whole| whole.map(|whole| whole.to_vec()))
}

const BAD: Result<Option<Vec<u8>>, DropReason> = Err(DropReason::BadSessionHeader);

#[test]
fn pieces_make_a_whole() {
    let mut pieces = Pieces::None;
    assert_eq!(add(&mut pieces, 1, true, b"abc"), Ok(None));
    assert_eq!(add(&mut pieces, 1, true, b""), Ok(None));
    let whole = add(&mut pieces, 1, false, b"def");
    assert_eq!(whole, Ok(Some(b"abcdef".to_vec())));
    assert_eq!(add(&mut pieces, 2, false, b"x"), Ok(Some(b"x".to_vec())));
}

#[test]
fn what_is_unreliable_comes_in_between_and_is_whole() {
    let mut pieces = Pieces::None;
    assert_eq!(add(&mut pieces, 1, true, b"abc"), Ok(None));
    let mut unreliable = |goes_on| {
        let header = Header {
            channel: 9,
            goes_on,
        };
        pieces.add(header, message(b"now", false), MAX)
    };
    assert_eq!(unreliable(false).unwrap().unwrap().to_vec(), b"now");
    assert_eq!(unreliable(true).err(), Some(DropReason::BadSessionHeader));
    assert_eq!(
        add(&mut pieces, 1, false, b"def"),
        Ok(Some(b"abcdef".to_vec()))
    );
}

#[test]
fn limit_bytes_of_a_message_in_pieces() {
    let mut pieces = Pieces::None;
    assert_eq!(add(&mut pieces, 1, true, &[0; MAX]), Ok(None));
    assert_eq!(add(&mut pieces, 1, true, b"x"), BAD);
    assert_eq!(add(&mut pieces, 1, true, b"y"), BAD, "until its end");
    assert_eq!(add(&mut pieces, 1, false, b"z"), BAD, "which this is");
    assert_eq!(add(&mut pieces, 1, true, &[1; MAX]), Ok(None));
    assert_eq!(
        add(&mut pieces, 1, false, b""),
        Ok(Some(vec![1; MAX])),
        "the largest"
    );
}

#[test]
fn a_piece_of_another_channel_spoils_the_message() {
    let mut pieces = Pieces::None;
    assert_eq!(add(&mut pieces, 1, true, b"abc"), Ok(None));
    assert_eq!(add(&mut pieces, 2, false, b"def"), BAD);
    assert_eq!(add(&mut pieces, 2, false, b"x"), Ok(Some(b"x".to_vec())));
}

proptest! {
    /// However a message is cut, it comes out as it was, and so does the next one.
    #[test]
    fn every_cut_is_mended(bytes in proptest::collection::vec(any::<u8>(), 0..=MAX), cuts in proptest::collection::vec(0..=MAX, 0..5)) {
        let mut pieces = Pieces::None;
        let mut cuts = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect::<Vec<_>>();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts {
            prop_assert_eq!(add(&mut pieces, 3, true, &bytes[from..cut]), Ok(None));
            from = cut;
        }
        prop_assert_eq!(add(&mut pieces, 3, false, &bytes[from..]), Ok(Some(bytes)));
        prop_assert_eq!(add(&mut pieces, 4, false, b"next"), Ok(Some(b"next".to_vec())));
    }
}
