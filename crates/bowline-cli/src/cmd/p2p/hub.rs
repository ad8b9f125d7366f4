//! A hub in the place of a signaling server.

use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::ConnectionState;
use bowline::Sockets;
use bowline::hub::HubConfig;

use crate::cmd::p2p::LOOK_FOR_STOP;
use crate::error::Error;
use crate::stop::Stop;
use crate::view::line;

/// Which hub, and how to sign in.
#[derive(Debug, clap::Args)]
pub(crate) struct HubArgs {
    /// A hub in the place of a signaling server: its addresses, with commas between them. Without this and --signal the
    /// variable BOWLINE_HUB and those beside it name one.
    #[arg(
        long,
        value_name = "HOST:PORT",
        requires = "hub_key",
        conflicts_with = "signal"
    )]
    hub: Option<String>,
    /// What the hub is known by: the line of its key, or its identity if somebody trusted vouches for that.
    #[arg(long, value_name = "KEY|IDENTITY", requires = "hub")]
    hub_key: Option<String>,
    /// How to sign in: anonymous (unless given), dev, jwt:TOKEN, hook:TICKET or shared-key:NAME:KEY. Who looks at the
    /// processes of this machine sees it: for secrets there is BOWLINE_HUB_LOGIN_FILE.
    #[arg(long, value_name = "LOGIN", requires = "hub")]
    hub_login: Option<String>,
}

/// What is told of the hub.
#[derive(Debug)]
pub(super) struct HubNews {
    is_signed_in: bool,
}

impl HubArgs {
    /// The hub that they name, or the environment does.
    pub(super) fn config(&self) -> Result<Option<HubConfig>, Error> {
        let (Some(hub), Some(key)) = (&self.hub, &self.hub_key) else {
            return Ok(HubConfig::from_env()?);
        };
        let config = HubConfig::new(hub, key)?;
        Ok(Some(match &self.hub_login {
            Some(login) => config.login_text(login)?,
            None => config,
        }))
    }
}

impl HubNews {
    /// Signs in, and waits until that is done, or `stop`: then there are none.
    pub(super) fn sign_in(
        sockets: &Sockets,
        config: HubConfig,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<Self>, Error> {
        let begin = Instant::now();
        sockets.sign_in(config);
        let mut news = Self {
            is_signed_in: false,
        };
        while !stop.is_set() {
            // They tell of the sign-in, and nobody has been called yet.
            while sockets.next_event().is_some() {}
            let status = sockets.authentication();
            match status.availability {
                Availability::Current => {
                    news.tell(sockets, ConnectionState::None)?;
                    return Ok(Some(news));
                }
                Availability::Failed => return Err(Error::HubRefused(status.text)),
                _ => {}
            }
            if begin.elapsed() > patience {
                return Err(Error::NoHub {
                    after: patience,
                    text: status.text,
                });
            }
            sockets.wait(LOOK_FOR_STOP);
        }
        Ok(None)
    }

    /// Tells how it stands, if that is not what was told last; with what it is to a connection in this state.
    pub(super) fn tell(
        &mut self,
        sockets: &Sockets,
        connection: ConnectionState,
    ) -> Result<(), Error> {
        let Some(status) = sockets.hub_status() else {
            return Ok(());
        };
        let was_signed_in = std::mem::replace(
            &mut self.is_signed_in,
            status.availability == Availability::Current,
        );
        if self.is_signed_in && !was_signed_in {
            let at = status.hub_address.map(|at| format!(" at {at}"));
            let at = at.unwrap_or_default();
            return line(&format!(
                "signed in to the hub{at} as {}",
                sockets.identity()
            ));
        }
        if status.availability == Availability::Failed {
            return line(&format!("the hub does not let us in: {}", status.text));
        }
        if was_signed_in && !self.is_signed_in {
            let what_now = match connection {
                ConnectionState::Connected => "the connection goes on without it",
                _ => "it is looked for again",
            };
            return line(&format!("the hub has gone: {what_now}"));
        }
        Ok(())
    }
}
