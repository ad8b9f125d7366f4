//! Connections: how they are made, accepted and closed, and what is known of them.

use std::rc::Rc;

use bowline::AcceptError;
use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::ResultCode;
use bowline::ToResult;
use mlua::Result;

use crate::args::Bytes;
use crate::args::Flag;
use crate::args::Handle;
use crate::args::Options;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::results;
use crate::sockets::listen::address_of;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "connectByIPAddress",
        &["address", "options?"],
        move |_, (Bytes(address), Options(options))| {
            let connection = connect(&state, &address.as_bytes(), options);
            Ok(connection.unwrap_or_else(|error| {
                report::failed("connectByIPAddress", &error);
                0
            }))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "acceptConnection",
        &["connection"],
        move |_, Handle(number)| {
            let found = state.connection(number);
            let accepted = found.map_or(ResultCode::InvalidParam, |(_, it)| accept(&it));
            Ok(results::name(accepted))
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "closeConnection",
        &["connection", "enableLinger?"],
        move |_, (Handle(number), Flag(linger))| {
            if let Some((interface, connection)) = state.connection(number) {
                interface.close(&connection, EndReason::INVALID, "", linger);
            }
            Ok(())
        },
    )?;
    let state = Rc::clone(module);
    names.function(
        "getConnectionInfo",
        &["connection"],
        move |_, Handle(number)| {
            let found = state.connection(number);
            let info = found.and_then(|(_, connection)| connection.info().ok());
            Ok(info.map_or_else(
                || (results::name(ResultCode::None), String::new()),
                |info| (results::name(ResultCode::Ok), info.description),
            ))
        },
    )
}

fn connect(module: &Module, address: &[u8], options: Config) -> std::result::Result<u32, String> {
    let interface = module.current().ok_or(super::NO_INTERFACE)?;
    let address = address_of(address)?;
    let connection = interface.sockets().connect_with(address, options);
    let connection = connection.map_err(|error| report::chain(&error))?;
    Ok(connection.id().get())
}

fn accept(connection: &Connection) -> ResultCode {
    match connection.accept() {
        // The original asks for the state before it asks who began.
        Err(AcceptError::NotIncoming) if connection.state() != ConnectionState::Connecting => {
            ResultCode::InvalidState
        }
        accepted => accepted.result(),
    }
}
