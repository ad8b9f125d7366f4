use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

/// What the system does with the next call.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Takes up to this many pieces.
    Take(usize),
    Fail(Verdict),
}

/// Collects what is sent, and fails as told.
struct Script {
    answers: RefCell<VecDeque<Answer>>,
    sent: RefCell<Vec<(SocketAddr, Vec<u8>)>>,
    lost: RefCell<usize>,
    max_segments: usize,
    calls: RefCell<usize>,
}

impl Script {
    fn new(max_segments: usize, answers: &[Answer]) -> Self {
        Self {
            answers: RefCell::new(answers.iter().copied().collect()),
            sent: RefCell::default(),
            lost: RefCell::default(),
            max_segments,
            calls: RefCell::default(),
        }
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.sent.borrow().iter().map(|(_, b)| b.clone()).collect()
    }
}

impl Wire for Script {
    fn max_segments(&self) -> usize {
        self.max_segments
    }

    fn address(&self, to: SocketAddr) -> Option<SocketAddr> {
        (to.port() != 0).then_some(to)
    }

    fn submit(&self, pieces: &[Piece<'_>]) -> io::Result<usize> {
        *self.calls.borrow_mut() += 1;
        let answer = self.answers.borrow_mut().pop_front();
        let take = match answer.unwrap_or(Answer::Take(usize::MAX)) {
            Answer::Take(count) => count.clamp(1, pieces.len()),
            // A refusal to cut a run is only ever the answer to one.
            Answer::Fail(Verdict::RunRefused) if pieces[0].segment_size.is_none() => 1,
            Answer::Fail(verdict) => return Err(io::Error::other(format!("{verdict:?}"))),
        };
        for piece in &pieces[..take] {
            assert!(piece.bytes.len() <= MAX_RUN_BYTES || piece.segment_size.is_none());
            let size = piece
                .segment_size
                .map_or(piece.bytes.len(), |size| size.get().into());
            assert!(piece.bytes.len().div_ceil(size) <= self.max_segments);
            let datagrams = piece
                .bytes
                .chunks(size)
                .map(|bytes| (piece.to, bytes.to_vec()));
            self.sent.borrow_mut().extend(datagrams);
        }
        Ok(take)
    }

    fn judge(&self, error: &io::Error, _piece: &Piece<'_>) -> Verdict {
        match error.to_string().as_str() {
            "Blocked" => Verdict::Blocked,
            "RunRefused" => Verdict::RunRefused,
            "Lost" => {
                self.count_lost();
                Verdict::Lost
            }
            _ => Verdict::Fatal,
        }
    }

    fn count_lost(&self) {
        *self.lost.borrow_mut() += 1;
    }
}

fn run(port: u16, bytes: &[u8], segment_size: usize) -> OutDatagram<'_> {
    OutDatagram {
        to: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        bytes,
        segment_size,
        ecn: None,
    }
}

const DONE_2: SentMany = SentMany {
    entries: 2,
    bytes_of_next: 0,
};

#[test]
fn a_run_goes_out_in_one_call_and_is_cut_by_the_system() {
    let wire = Script::new(64, &[]);
    let list = [run(1, b"aabbc", 2), run(2, b"whole", 0)];
    assert_eq!(drive::<32>(&wire, &list).unwrap(), DONE_2);
    assert_eq!(wire.sent(), [&b"aa"[..], b"bb", b"c", b"whole"]);
    assert_eq!(*wire.calls.borrow(), 1);
}

#[test]
fn without_segmentation_each_datagram_is_a_piece() {
    let wire = Script::new(1, &[]);
    assert_eq!(
        drive::<2>(&wire, &[run(1, b"aabbcc", 2), run(2, b"dde", 2)]).unwrap(),
        DONE_2
    );
    assert_eq!(wire.sent(), [&b"aa"[..], b"bb", b"cc", b"dd", b"e"]);
    assert_eq!(*wire.calls.borrow(), 3);
}

#[test]
fn runs_are_bounded_in_segments_and_bytes() {
    let bytes = vec![7; 100 * 1200];
    let wire = Script::new(64, &[]);
    let _ = drive::<32>(&wire, &[run(1, &bytes, 1200)]).unwrap();
    assert_eq!(wire.sent().len(), 100);
    let wire = Script::new(64, &[]);
    let _ = drive::<32>(&wire, &[run(1, &bytes, 100)]).unwrap();
    assert_eq!(wire.sent().len(), 1200);
}

#[test]
fn a_full_buffer_stops_between_datagrams_of_a_run() {
    let wire = Script::new(1, &[Answer::Take(2), Answer::Fail(Verdict::Blocked)]);
    let sent = drive::<32>(&wire, &[run(1, b"a", 0), run(1, b"bbccdd", 2)]).unwrap();
    let expected = SentMany {
        entries: 1,
        bytes_of_next: 2,
    };
    assert_eq!(sent, expected);
    assert_eq!(wire.sent(), [&b"a"[..], b"bb"]);
}

#[test]
fn a_refused_run_goes_out_one_by_one() {
    let wire = Script::new(64, &[Answer::Fail(Verdict::RunRefused)]);
    assert_eq!(
        drive::<32>(&wire, &[run(1, b"aabb", 2), run(2, b"cc", 2)]).unwrap(),
        DONE_2
    );
    assert_eq!(wire.sent(), [b"aa", b"bb", b"cc"]);
    assert_eq!(*wire.lost.borrow(), 0);
}

#[test]
fn a_lost_piece_does_not_hold_up_the_next() {
    let wire = Script::new(64, &[Answer::Fail(Verdict::Lost)]);
    assert_eq!(
        drive::<32>(&wire, &[run(1, b"aabb", 2), run(2, b"cc", 2)]).unwrap(),
        DONE_2
    );
    assert_eq!(wire.sent(), [b"cc"]);
    assert_eq!(*wire.lost.borrow(), 1);
}

#[test]
fn unreachable_and_empty_runs_are_passed_over() {
    let wire = Script::new(64, &[]);
    let list = [
        run(1, b"", 0),
        run(0, b"x", 0),
        run(1, b"a", 0),
        run(0, b"y", 0),
        run(1, b"", 9),
    ];
    let sent = drive::<32>(&wire, &list).unwrap();
    assert_eq!((sent.entries, sent.bytes_of_next), (5, 0));
    assert_eq!(wire.sent(), [b"a"]);
    assert_eq!(*wire.lost.borrow(), 2);
}

#[test]
fn a_broken_socket_is_an_error() {
    let wire = Script::new(64, &[Answer::Fail(Verdict::Fatal)]);
    assert!(drive::<32>(&wire, &[run(1, b"a", 0)]).is_err());
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        (1_usize..5).prop_map(Answer::Take),
        Just(Answer::Fail(Verdict::Blocked)),
        Just(Answer::Fail(Verdict::RunRefused)),
    ]
}

proptest! {
    /// Whatever the system takes at a time, going on where it stopped sends each datagram once and
    /// in order.
    #[test]
    fn resuming_after_a_full_buffer_sends_everything_once(
        runs in prop::collection::vec((1_u16..4, 0_usize..50, 0_usize..9), 0..12),
        answers in prop::collection::vec(answer(), 0..40),
        max_segments in 1_usize..5,
    ) {
        let bytes: Vec<Vec<u8>> = runs
            .iter()
            .enumerate()
            .map(|(i, &(_, len, _))| (0..len).map(|j| (i * 50 + j) as u8).collect())
            .collect();
        let list: Vec<_> = runs
            .iter()
            .zip(&bytes)
            .map(|(&(port, _, size), bytes)| run(port, bytes, size))
            .collect();
        let expected: Vec<_> = list
            .iter()
            .flat_map(|run| {
                let size = if run.segment_size == 0 { run.bytes.len() } else { run.segment_size };
                run.bytes.chunks(size.max(1)).map(|bytes| (run.to, bytes.to_vec()))
            })
            .collect();

        let wire = Script::new(max_segments, &answers);
        let mut rest = list;
        while !rest.is_empty() {
            let sent = drive::<4>(&wire, &rest).unwrap();
            rest.drain(..sent.entries);
            if let Some(first) = rest.first_mut() {
                first.bytes = &first.bytes[sent.bytes_of_next..];
            }
        }
        prop_assert_eq!(&*wire.sent.borrow(), &expected);
    }
}
