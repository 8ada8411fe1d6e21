// SPDX-License-Identifier: MIT OR Apache-2.0
//! connspy: who talks to whom, from connection logs of lines `TS FROM TO`.
//!
//! [`input`] cuts bytes into whole lines, [`mod@line`] reads one, [`hours`] counts, [`output`]
//! writes rows. What is asked for is a [`plan::Plan`]; [`batch`] runs it over files, [`tail`] goes
//! on with what comes. [`seek`] finds where a range begins, [`state`] is what is kept over a
//! restart.

pub mod batch;
pub mod fault;
pub mod group;
pub mod host;
pub mod hours;
pub mod input;
pub mod line;
pub mod output;
pub mod parallel;
pub mod plan;
pub mod scan;
pub mod seek;
pub mod sketch;
pub mod source;
pub mod spill;
pub mod state;
pub mod tail;
pub mod tally;
