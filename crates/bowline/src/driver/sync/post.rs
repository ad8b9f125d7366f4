//! What many have to say to one, in the order in which they found it.

use crate::driver::sync::inbox::Inbox;

/// A queue between locks that are never taken together: filled under the lock of whom something is about,
/// emptied under the lock of who is to hear it. So all that was put in about one of them is heard in the
/// order in which it was put in, whichever threads pass it on. Were it carried by the threads instead, one
/// that is held up between the two locks would be overtaken.
///
/// Whoever puts something in has it [delivered](Self::deliver) once the lock is given up.
#[derive(Debug)]
pub(crate) struct Post<T>(Inbox<T>);

impl<T> Post<T> {
    pub(crate) fn new() -> Self {
        Self(Inbox::new())
    }

    /// Adds an item. Only under the lock of what it is about.
    pub(crate) fn put(&self, item: T) {
        let is_kept = self.0.put(item, &[], usize::MAX);
        debug_assert!(is_kept, "without a bound there is room");
    }

    /// Hands out all that was put in, oldest first. Only under the lock of who hears it.
    pub(crate) fn deliver(&self, mut each: impl FnMut(T)) {
        if let Some(mut batch) = self.0.take() {
            batch.drain(|item, _| each(item));
            self.0.give_back(batch);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn what_another_thread_left_is_delivered_before_what_came_later() {
        let post = Post::new();
        let mut heard = Vec::new();
        post.put("lent");
        // Here the first thread is held up.
        post.put("dead");
        post.deliver(|item| heard.push(item));
        assert_eq!(heard, ["lent", "dead"]);
        post.deliver(|item| heard.push(item));
        assert_eq!(heard.len(), 2, "nothing is left for the first thread");
    }
}
