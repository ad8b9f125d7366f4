//! Making, naming and ending connections.

use std::rc::Rc;

use mlua::Result;

use bowline::Config;
use bowline::EndReason;
use bowline::Expect;
use bowline::Identity;
use bowline::PairKind;

use crate::args::Flag;
use crate::args::Handle;
use crate::args::Options;
use crate::args::SocketHandle;
use crate::args::Whole;
use crate::beyond::arguments::Number;
use crate::beyond::arguments::Shown;
use crate::beyond::arguments::Text;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::sockets::listen::address_of;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    register_making(names, module)?;
    register_naming(names, module)?;
    let state = Rc::clone(module);
    names.own(
        "closeConnectionWithReason",
        &["connection", "reason", "debug?", "enableLinger?"],
        move |_,
              (Handle(connection), Number(reason), text, Flag(linger)): (
            _,
            _,
            Option<Shown>,
            _,
        )| {
            let text = text.map_or_else(String::new, |Shown(text)| text);
            let closed = state
                .connection(connection)
                .is_some_and(|(interface, connection)| {
                    interface.close(&connection, EndReason::new(reason), &text, linger)
                });
            Ok(closed)
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getListenSocketAddress",
        &["socket"],
        move |_, SocketHandle(socket)| {
            let addr = state.listener_addr(socket);
            Ok(addr.map(|addr| addr.to_string()))
        },
    )
}

fn register_making(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "createSocketPair",
        &["useNetwork?", "identity1?", "identity2?"],
        move |_, (Flag(network), first, second): (_, Option<Text>, Option<Text>)| {
            Ok(pair(&state, network, first, second).unwrap_or((0, 0)))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "connectExpecting",
        &["address", "identity", "options?"],
        move |_, (Text(address), Text(identity), Options(config))| {
            Ok(connect_expecting(&state, &address, &identity, config).unwrap_or(0))
        },
    )
}

fn pair(
    module: &Module,
    network: bool,
    first: Option<Text>,
    second: Option<Text>,
) -> Option<(u32, u32)> {
    let interface = module.current()?;
    let kind = match network {
        true => PairKind::Loopback,
        false => PairKind::Pipe,
    };
    let first = first
        .map(|Text(text)| identity(&text))
        .map_or(Some(None), |it| it.map(Some))?;
    let second = second
        .map(|Text(text)| identity(&text))
        .map_or(Some(None), |it| it.map(Some))?;
    match interface.sockets().socket_pair(kind, first, second) {
        Ok((first, second)) => Some((first.id().get(), second.id().get())),
        Err(error) => {
            report::line(&format!("no socket pair: {error}"));
            None
        }
    }
}

fn connect_expecting(
    module: &Module,
    address: &str,
    expected: &str,
    config: Config,
) -> Option<u32> {
    let interface = module.current()?;
    let address = address_of(address.as_bytes())
        .map_err(|error| report::line(&error))
        .ok()?;
    let expected = Expect::Identity(identity(expected)?);
    match interface
        .sockets()
        .connect_expecting(address, expected, config)
    {
        Ok(connection) => Some(connection.id().get()),
        Err(error) => {
            report::line(&format!("no connection: {error}"));
            None
        }
    }
}

/// An identity from its text; a line says why it is none.
fn identity(text: &str) -> Option<Identity> {
    text.parse()
        .map_err(|error| report::line(&format!("'{text}' is no identity: {error}")))
        .ok()
}

fn register_naming(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "setConnectionName",
        &["connection", "name"],
        move |_, (Handle(connection), Shown(name))| {
            let found = state.connection(connection);
            Ok(found.is_some_and(|(_, connection)| connection.set_name(&name).is_ok()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getConnectionName",
        &["connection"],
        move |_, Handle(connection)| {
            let found = state.connection(connection);
            Ok(found.and_then(|(_, connection)| connection.name().ok()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "setConnectionUserData",
        &["connection", "userData"],
        move |_, (Handle(connection), Whole(data))| {
            let found = state.connection(connection);
            Ok(found.is_some_and(|(_, connection)| connection.set_user_data(data).is_ok()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getConnectionUserData",
        &["connection"],
        move |_, Handle(connection)| {
            let found = state.connection(connection);
            Ok(found.and_then(|(_, connection)| connection.user_data().ok()))
        },
    )
}
