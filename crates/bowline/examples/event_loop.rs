//! Fits an interface without a service thread into somebody else's event loop, here one on mio: the
//! loop watches the wait handle, and calls `poll` when it is readable. Unix only.
#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::os::fd::AsRawFd;

    use bowline::Event;
    use bowline::SendFlags;
    use bowline::ServiceMode;
    use bowline::Sockets;
    use mio::Interest;
    use mio::Token;
    use mio::unix::SourceFd;

    const NETWORK: Token = Token(0);

    let sockets = Sockets::builder().service(ServiceMode::Manual).build()?;
    let listener = sockets.listen("127.0.0.1:0".parse()?)?;
    let client = sockets.connect(listener.local_addr())?;
    client.send(b"hello from this very process", SendFlags::RELIABLE)?;

    let handle = sockets.wait_handle()?;
    let mut outer = mio::Poll::new()?;
    let mut source = SourceFd(&handle.as_raw_fd());
    let registry = outer.registry();
    registry.register(&mut source, NETWORK, Interest::READABLE)?;

    let mut ready = mio::Events::with_capacity(8);
    let mut server = None;
    loop {
        outer.poll(&mut ready, None)?;
        // Here an application would look at its other sources too.
        if !ready.iter().any(|event| event.token() == NETWORK) {
            continue;
        }
        sockets.poll();
        for event in sockets.events() {
            if let Event::ConnectionChanged(change) = event
                && change.is_request()
            {
                change.connection.accept()?;
                server = Some(change.connection);
            }
        }
        if let Some(server) = &server
            && let Some(message) = server.receive()?
        {
            println!("received: {}", String::from_utf8_lossy(&message));
            return Ok(());
        }
    }
}

#[cfg(not(unix))]
fn main() {
    println!("the wait handle of this mode is for Unix only");
}
