//! The commands, one a file.

pub mod catalogue;
pub mod check;
pub mod demo;
pub mod gateway;
pub mod import;
pub mod inspect;
pub mod kpis;
pub mod objectives;
pub mod processor;
pub mod rebuild;
pub mod rules;
pub mod simulate;
pub mod sink;
pub mod up;
