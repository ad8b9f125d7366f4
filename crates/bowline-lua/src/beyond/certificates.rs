//! Proving who this side is, with a certificate that is asked for while the program runs.

use std::rc::Rc;

use bowline::cert::SignedCertificate;

use crate::beyond::arguments::Text;
use crate::module::Module;
use crate::register::Names;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> mlua::Result<()> {
    let state = Rc::clone(module);
    names.own("getCertificateRequest", &[], move |_, ()| {
        let interface = state.current();
        Ok(interface.map(|it| it.sockets().certificate_request().to_text()))
    })?;
    let state = Rc::clone(module);
    names.own(
        "setCertificate",
        &["certificate"],
        move |_, Text(text)| match set_certificate(&state, &text) {
            Ok(()) => Ok((true, None)),
            Err(error) => Ok((false, Some(error))),
        },
    )
}

fn set_certificate(module: &Module, text: &str) -> Result<(), String> {
    let interface = module.current().ok_or("not initialised")?;
    let signed = SignedCertificate::from_text(text).map_err(|error| error.to_string())?;
    let set = interface.sockets().set_certificate(&signed);
    set.map_err(|error| error.to_string())
}
