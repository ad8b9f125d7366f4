//! Sending and receiving.

use std::rc::Rc;

use bstr::BStr;
use mlua::Result;

use bowline::SendFlags;
use bowline::ToResult;

use crate::args::Bytes;
use crate::args::Handle;
use crate::args::Whole;
use crate::module::Module;
use crate::register::Names;

/// As many messages as a call hands out at most: luasteam's programs call again until there were fewer.
const RECEIVED_AT_ONCE: usize = 32;

pub(crate) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "sendMessageToConnection",
        &["connection", "message", "flag"],
        move |_, (Handle(connection), Bytes(message), Whole(flag))| {
            let connection = state.current().and_then(|it| it.connection(connection));
            let Some(connection) = connection else {
                return Ok("InvalidParam");
            };
            let sent = connection.send(&message.as_bytes(), SendFlags::from_bits(flag as u8));
            Ok(sent.result().name())
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "receiveMessagesOnConnection",
        &["connection"],
        move |lua, Handle(connection)| {
            let found = state
                .current()
                .and_then(|it| it.connection(connection).map(|connection| (it, connection)));
            let Some((interface, connection)) = found else {
                return Ok((-1, None));
            };
            let received = interface.receive_from(&connection, RECEIVED_AT_ONCE, |messages| {
                let strings = messages.iter().map(|message| BStr::new(&**message));
                lua.create_sequence_from(strings)
                    .map(|table| (messages.len() as i32, Some(table)))
            });
            received.unwrap_or(Ok((-1, None)))
        },
    )
}
