//! Sending lists of runs with `sendmmsg`.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd};

use noq_udp::UdpSocketState;
use socket2::SockAddr;

use crate::sys::unix::PolledSocket;
use crate::udp::{MAX_PIECES, Piece};

/// Hands the pieces to the kernel and returns how many it took; the error is that of the first piece.
pub(crate) fn submit(
    socket: &PolledSocket,
    _state: &UdpSocketState,
    pieces: &[Piece<'_>],
) -> io::Result<usize> {
    // One message is the usual case; the arrays for many are worth their clearing only then.
    if pieces.len() == 1 {
        send_messages::<1>(socket, pieces)
    } else {
        send_messages::<MAX_PIECES>(socket, pieces)
    }
}

/// Room for two control messages: the traffic class (`c_int`) and the segment size (`u16`).
/// The kernel aligns control messages to its word, which is 8 bytes at most.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

const CONTROL_LEN: usize = {
    // SAFETY: computes with numbers only.
    unsafe {
        (libc::CMSG_SPACE(size_of::<libc::c_int>() as u32)
            + libc::CMSG_SPACE(size_of::<u16>() as u32)) as usize
    }
};

fn send_messages<const N: usize>(socket: &PolledSocket, pieces: &[Piece<'_>]) -> io::Result<usize> {
    let count = pieces.len().min(N);
    let mut names = [const { MaybeUninit::<SockAddr>::uninit() }; N];
    let mut vectors = [libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }; N];
    let mut controls = [Control([0; CONTROL_LEN]); N];
    // SAFETY: `mmsghdr` is plain data of the C library, valid when zero: no name, no vectors, no
    // control messages. Some C libraries pad it with private fields, so it cannot be written out.
    let mut headers: [libc::mmsghdr; N] = unsafe { mem::zeroed() };

    for (i, piece) in pieces.iter().take(N).enumerate() {
        let name = names[i].write(SockAddr::from(piece.to));
        vectors[i] = libc::iovec {
            // The kernel only reads from it.
            iov_base: piece.bytes.as_ptr().cast_mut().cast(),
            iov_len: piece.bytes.len(),
        };
        let header = &mut headers[i].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = &raw mut vectors[i];
        header.msg_iovlen = 1;
        write_control(header, &mut controls[i], piece);
    }

    loop {
        // SAFETY: the first `count` headers point to names, vectors and control messages in arrays
        // above that outlive the call, and to bytes that `pieces` borrows. `SockAddr` has nothing to
        // drop, so leaving it in `MaybeUninit` leaks nothing.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                count as libc::c_uint,
                0,
            )
        };
        if sent >= 0 {
            return Ok(sent as usize);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Adds the control messages that `piece` needs, none for a plain datagram.
fn write_control(header: &mut libc::msghdr, control: &mut Control, piece: &Piece<'_>) {
    if piece.ecn.is_none() && piece.segment_size.is_none() {
        return;
    }
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_LEN as _;
    let mut used = 0;
    // SAFETY: the control buffer is all zero, aligned and large enough for both messages, as
    // `CONTROL_LEN` is the sum of their spaces; `msg_control` and `msg_controllen` describe it.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        if let Some(ecn) = piece.ecn {
            let (level, kind) = if piece.to.ip().to_canonical().is_ipv4() {
                (libc::IPPROTO_IP, libc::IP_TOS)
            } else {
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
            };
            used += put(message, level, kind, ecn as libc::c_int);
            message = libc::CMSG_NXTHDR(header, message);
        }
        if let Some(size) = piece.segment_size {
            used += put(message, libc::SOL_UDP, libc::UDP_SEGMENT, size.get());
        }
    }
    header.msg_controllen = used as _;
}

/// Writes one control message and returns the space that it takes.
///
/// # Safety
/// `message` must point to an aligned header with room for a `T` behind it.
unsafe fn put<T>(
    message: *mut libc::cmsghdr,
    level: libc::c_int,
    kind: libc::c_int,
    value: T,
) -> usize {
    let size = size_of::<T>() as u32;
    // SAFETY: as the caller promises. The data behind a header need not be aligned for `T`.
    unsafe {
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(size) as usize
    }
}
