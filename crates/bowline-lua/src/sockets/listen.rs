//! Listen sockets.

use std::net::SocketAddr;
use std::rc::Rc;

use bowline::Config;
use bowline::PeerAddr;
use mlua::Result;
use mlua::Value;

use crate::args::Bytes;
use crate::args::Options;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::sockets::socket::Socket;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.function(
        "createListenSocketIP",
        &["localAddress", "options?"],
        move |_, (Bytes(address), Options(options))| {
            let socket = listen(&state, &address.as_bytes(), options);
            Ok(socket.unwrap_or_else(|error| {
                report::failed("createListenSocketIP", &error);
                Socket::INVALID
            }))
        },
    )?;
    let state = Rc::clone(module);
    // Whatever is no socket is ignored, as the original does.
    names.function(
        "closeListenSocket",
        &["socket?"],
        move |_, socket: Value| {
            state.close_listener(Socket::number_of(&socket));
            Ok(())
        },
    )
}

/// `[::]` takes IPv4 too, and where there is no IPv6 it is IPv4 alone. Port 0 is one that the system chooses.
fn listen(module: &Module, address: &[u8], options: Config) -> std::result::Result<Socket, String> {
    let interface = module.current().ok_or(super::NO_INTERFACE)?;
    let address = address_of(address)?;
    let listener = interface.sockets().listen_with(address, options);
    let listener = listener.map_err(|error| report::chain(&error))?;
    Ok(Socket(interface.handles().add_listener(listener)))
}

/// The address and port in a text.
pub(crate) fn address_of(text: &[u8]) -> std::result::Result<SocketAddr, String> {
    let text = String::from_utf8_lossy(text);
    let address: PeerAddr = text
        .parse()
        .map_err(|error| format!("{text:?} is {error}"))?;
    // Port 0 has a meaning for those who write it.
    if address.port() == 0 && text.trim().parse::<SocketAddr>().is_err() {
        return Err(format!("{text:?} has no port"));
    }
    Ok(address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        let read = |text: &str| address_of(text.as_bytes()).map(|address| address.to_string());
        for (text, expected) in [
            ("[::]:55556", "[::]:55556"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:0", "[::1]:0"),
            (" 127.0.0.1:55556", "127.0.0.1:55556"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["127.0.0.1", "::1", "[::]", "::0", "1.2.3.4.5:6"] {
            let error = read(text).expect_err(text);
            assert!(error.ends_with("has no port"), "{error}");
        }
        for text in ["", "localhost:5", "[::1:5", "\0", "256.1.1.1:5"] {
            let error = read(text).expect_err(text);
            assert!(error.contains(" is "), "{error}");
        }
        assert!(address_of(b"\xff\xfe").is_err());
    }
}
