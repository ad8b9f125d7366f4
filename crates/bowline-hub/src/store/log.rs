//! The latest records of a log, in memory.

use std::collections::VecDeque;

use crate::limits::LOG_RECORD_OVERHEAD;
use crate::limits::MAX_LOG_BATCH;
use crate::limits::MAX_LOG_BYTES;
use crate::limits::MAX_LOG_RECORD_LEN;
use crate::store::Record;
use crate::store::StoreError;

#[derive(Debug, Default)]
pub(super) struct LogTail {
    records: VecDeque<Record>,
    /// Of the oldest record.
    first: u64,
    bytes: usize,
}

impl LogTail {
    /// What was on disk, in order.
    pub(super) fn load(loaded: Vec<Record>) -> Self {
        let mut tail = Self {
            first: loaded.first().map_or(0, |record| record.number),
            ..Self::default()
        };
        for record in loaded {
            tail.push(&record.bytes);
        }
        tail
    }

    /// Whether records may be appended.
    pub(super) fn check(records: &[&[u8]]) -> Result<(), StoreError> {
        let too_large = |what, size, max| Err(StoreError::TooLarge { what, size, max });
        if records.len() > MAX_LOG_BATCH {
            return too_large("records to append", records.len(), MAX_LOG_BATCH);
        }
        let longest = records.iter().map(|record| record.len()).max().unwrap_or(0);
        if longest > MAX_LOG_RECORD_LEN {
            return too_large("bytes of a record", longest, MAX_LOG_RECORD_LEN);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() + LOG_RECORD_OVERHEAD;
        self.records.push_back(Record {
            number: self.next_number(),
            bytes: bytes.into(),
        });
        while self.bytes > MAX_LOG_BYTES {
            let Some(record) = self.records.pop_front() else {
                break;
            };
            self.bytes -= record.bytes.len() + LOG_RECORD_OVERHEAD;
            self.first = record.number + 1;
        }
    }

    /// The number of the next record.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The number of the oldest record.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn read(&self, from: u64, max: usize) -> Vec<Record> {
        let skip = from.saturating_sub(self.first).try_into();
        let records = self.records.iter().skip(skip.unwrap_or(usize::MAX));
        records.take(max).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_bytes_of_a_log() {
        let mut tail = LogTail::default();
        let record = [7; MAX_LOG_RECORD_LEN];
        let fitting = MAX_LOG_BYTES / (MAX_LOG_RECORD_LEN + LOG_RECORD_OVERHEAD);
        for _ in 0..fitting + 10 {
            tail.push(&record);
        }
        assert_eq!(tail.first(), 10);
        assert_eq!(tail.read(0, usize::MAX).len(), fitting);
        assert_eq!(tail.read(0, 1)[0].number, 10);
        assert_eq!(tail.read(u64::MAX, 1), []);
        assert!(tail.bytes <= MAX_LOG_BYTES);
    }

    #[test]
    fn limit_records_and_bytes_that_are_appended_at_once() {
        let long = [0; MAX_LOG_RECORD_LEN + 1];
        assert!(LogTail::check(&[&long[1..]; MAX_LOG_BATCH]).is_ok());
        let error = LogTail::check(&[&long]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "bytes of a record of 4097 is above the limit of 4096"
        );
        assert!(LogTail::check(&[&long[..1]; MAX_LOG_BATCH + 1]).is_err());
    }
}
