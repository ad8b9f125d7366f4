//! What two threads found about one connection is heard in that order, and nothing is left behind.

use std::sync::Arc;

use loom::thread;

use super::check;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::sync::post::Post;

struct Slot {
    next: Lock<u32>,
    post: Post<u32>,
    heard: Lock<Vec<u32>>,
}

impl Slot {
    fn say(&self) {
        let mut next = self.next.lock();
        self.post.put(*next);
        *next += 1;
        drop(next);
        let mut heard = self.heard.lock();
        self.post.deliver(|number| heard.push(number));
    }
}

#[test]
fn all_is_heard_in_the_order_in_which_it_was_said() {
    check(|| {
        let slot = Arc::new(Slot {
            next: Lock::new(Rank::Connection, 0),
            post: Post::new(),
            heard: Lock::new(Rank::Endpoint, Vec::new()),
        });
        let other = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.say())
        };
        slot.say();
        slot.say();
        other.join().unwrap();
        assert_eq!(*slot.heard.lock(), [0, 1, 2]);
    });
}
