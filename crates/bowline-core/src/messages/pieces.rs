//! Messages that are larger than a connection takes: pieces that come one after the other, reliably.
//!
//! Reliable messages of a connection come in their order, so a piece needs no number: it goes on where the one before
//! has stopped, on the same channel. Unreliable messages may come in between, and are whole always.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::counters::DropReason;
use crate::message::Message;
use crate::messages::header::Header;

/// What has come of a message whose last piece has not.
#[derive(Clone, Debug, Default)]
pub(super) enum Pieces {
    /// None is under way.
    #[default]
    None,
    /// So far this.
    Gathered { channel: i32, bytes: Vec<u8> },
    /// One that is refused, whose further pieces are dropped.
    Refused,
}

impl Pieces {
    /// Takes in a message without its header. Returns it if it is whole, or what it makes whole.
    ///
    /// # Errors
    /// If it belongs to a message of more than `max` bytes, or does not go on with what came before; all of that
    /// is dropped then.
    pub(super) fn add(
        &mut self,
        header: Header,
        message: Message,
        max: usize,
    ) -> Result<Option<Message>, DropReason> {
        let Header { channel, goes_on } = header;
        if !message.reliable {
            return match goes_on {
                true => Err(DropReason::BadSessionHeader),
                false => Ok(Some(message)),
            };
        }
        let mut gathered = match core::mem::take(self) {
            Self::None if !goes_on => return Ok(Some(message)),
            Self::None => Vec::new(),
            Self::Gathered {
                channel: its,
                bytes,
            } if its == channel => bytes,
            Self::Gathered { .. } | Self::Refused => return Err(self.refuse(goes_on)),
        };
        if gathered.len().saturating_add(message.len()) > max {
            return Err(self.refuse(goes_on));
        }
        gathered.extend_from_slice(&message);
        if goes_on {
            *self = Self::Gathered {
                channel,
                bytes: gathered,
            };
            return Ok(None);
        }
        Ok(Some(Message {
            data: Bytes::from(gathered),
            ..message
        }))
    }

    /// Drops the message up to its last piece.
    fn refuse(&mut self, goes_on: bool) -> DropReason {
        if goes_on {
            *self = Self::Refused;
        }
        DropReason::BadSessionHeader
    }
}

#[cfg(test)]
mod tests;
