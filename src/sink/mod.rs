// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finished bytes to the world.

pub mod batch;
pub mod file;
pub mod newest;
pub mod stdout;

// The way to servers, of the feature `http`.
#[cfg(feature = "http")]
pub mod answer;
#[cfg(feature = "http")]
pub mod api;
#[cfg(feature = "http")]
mod delivery;
#[cfg(feature = "http")]
pub mod elastic;
#[cfg(feature = "http")]
pub mod endpoint;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "gzip"), path = "gzip_absent.rs")]
pub mod gzip;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod identity;
#[cfg(feature = "http")]
pub mod memory;
#[cfg(feature = "http")]
pub mod queue;
#[cfg(feature = "http")]
#[cfg_attr(not(feature = "tls"), path = "secure_absent.rs")]
pub mod secure;
#[cfg(feature = "http")]
pub mod shipper;
#[cfg(feature = "http")]
pub mod spool;
#[cfg(feature = "http")]
pub mod target;
