//! Messages between parts of one process.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use crate::limits::MAX_BUS_MESSAGE_LEN;
use crate::limits::MAX_BUS_QUEUE;
use crate::limits::MAX_BUS_QUEUE_BYTES;
use crate::limits::MAX_SUBSCRIPTIONS;
use crate::store::StoreError;
use crate::store::Subject;
use crate::store::Subscription;

#[derive(Debug, Default)]
pub(super) struct Bus {
    subscribers: Mutex<Subscribers>,
}

#[derive(Debug, Default)]
struct Subscribers {
    by_subject: BTreeMap<Subject, Vec<Arc<Queue>>>,
    count: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
    dropped: u64,
}

#[derive(Debug)]
struct LocalSubscription {
    bus: Arc<Bus>,
    subject: Subject,
    queue: Arc<Queue>,
}

impl Bus {
    pub(super) fn publish(&self, subject: &Subject, message: &[u8]) -> Result<(), StoreError> {
        if message.len() > MAX_BUS_MESSAGE_LEN {
            return Err(StoreError::TooLarge {
                what: "bytes of a message",
                size: message.len(),
                max: MAX_BUS_MESSAGE_LEN,
            });
        }
        let queues = self
            .lock()
            .by_subject
            .get(subject)
            .cloned()
            .unwrap_or_default();
        if !queues.is_empty() {
            let message: Arc<[u8]> = message.into();
            for queue in queues {
                queue.push(&message);
            }
        }
        Ok(())
    }

    pub(super) fn subscribe(
        self: &Arc<Self>,
        subject: &Subject,
    ) -> Result<Box<dyn Subscription>, StoreError> {
        let mut subscribers = self.lock();
        if subscribers.count >= MAX_SUBSCRIPTIONS {
            return Err(StoreError::Full(format!(
                "the bus has {MAX_SUBSCRIPTIONS} subscriptions"
            )));
        }
        subscribers.count += 1;
        let queue = Arc::new(Queue::default());
        let queues = subscribers.by_subject.entry(subject.clone()).or_default();
        queues.push(queue.clone());
        Ok(Box::new(LocalSubscription {
            bus: self.clone(),
            subject: subject.clone(),
            queue,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&self, message: &Arc<[u8]>) {
        let mut waiting = self.lock();
        waiting.bytes += message.len();
        waiting.messages.push_back(message.clone());
        while waiting.messages.len() > MAX_BUS_QUEUE || waiting.bytes > MAX_BUS_QUEUE_BYTES {
            waiting.pop();
            waiting.dropped += 1;
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

impl Subscription for LocalSubscription {
    fn next(&mut self, wait: Duration) -> Result<Option<Arc<[u8]>>, StoreError> {
        let is_empty = |waiting: &mut Waiting| waiting.messages.is_empty();
        let waiting = self.queue.lock();
        let waited = self
            .queue
            .arrived
            .wait_timeout_while(waiting, wait, is_empty);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(waiting.pop())
    }

    fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        let mut subscribers = self.bus.lock();
        subscribers.count -= 1;
        if let Some(queues) = subscribers.by_subject.get_mut(&self.subject) {
            queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
            if queues.is_empty() {
                subscribers.by_subject.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_subscriptions() {
        let bus = Arc::new(Bus::default());
        let subject = Subject::new(&["sig"]).unwrap();
        let mut all: Vec<_> = (0..MAX_SUBSCRIPTIONS)
            .map(|_| bus.subscribe(&subject).unwrap())
            .collect();
        let error = bus.subscribe(&subject).unwrap_err();
        assert_eq!(
            error,
            StoreError::Full("the bus has 4096 subscriptions".into())
        );
        all.pop();
        bus.subscribe(&subject).unwrap();
        all.clear();
        assert!(bus.lock().by_subject.is_empty(), "nothing stays behind");
    }

    #[test]
    fn limit_messages_that_wait() {
        let bus = Arc::new(Bus::default());
        let subject = Subject::new(&["sig"]).unwrap();
        let mut subscription = bus.subscribe(&subject).unwrap();
        for number in 0..MAX_BUS_QUEUE as u64 + 5 {
            bus.publish(&subject, &number.to_le_bytes()).unwrap();
        }
        assert_eq!(subscription.dropped(), 5);
        let first = subscription.next(Duration::ZERO).unwrap().unwrap();
        assert_eq!(*first, 5u64.to_le_bytes());
    }

    #[test]
    fn limit_bytes_that_wait() {
        let bus = Arc::new(Bus::default());
        let subject = Subject::new(&["sig"]).unwrap();
        let mut subscription = bus.subscribe(&subject).unwrap();
        let longest = vec![0; MAX_BUS_MESSAGE_LEN];
        let fitting = MAX_BUS_QUEUE_BYTES / MAX_BUS_MESSAGE_LEN;
        for _ in 0..fitting + 3 {
            bus.publish(&subject, &longest).unwrap();
        }
        assert_eq!(subscription.dropped(), 3);
        let left = std::iter::from_fn(|| subscription.next(Duration::ZERO).unwrap()).count();
        assert_eq!(left, fitting);
        let error = bus.publish(&subject, &[0; MAX_BUS_MESSAGE_LEN + 1]);
        assert!(matches!(error, Err(StoreError::TooLarge { .. })));
    }
}
