// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hands the command line to [`netvitals::cmd`] and its verdict to the shell; nothing else.

fn main() -> std::process::ExitCode {
    netvitals::cmd::dispatch(std::env::args_os()).into()
}
