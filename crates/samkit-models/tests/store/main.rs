//! The store from outside: pulling, importing and checking weights of a model
//! of one tensor, with every source on this machine.

mod hub;
mod support;

mod folder;
mod folder_import;
mod import;
mod integrity;
mod parallel;
mod pull;
mod pytorch;
