// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interfaces with their addresses, the default route and the neighbours, from the kernel's
//! tables (rtnetlink(7)).

use std::fmt;
use std::io;
use std::net::IpAddr;
