//! The one integration binary: scenarios as modules, real parts started by `support`.

mod audit;
mod config;
mod data;
mod diff;
mod docs;
mod drift;
mod engines;
mod examples;
mod fail_closed;
mod host;
mod image;
mod imports;
mod kustomize;
mod latency;
mod overlay;
mod parts;
mod promote;
mod quality;
mod repo;
mod report;
mod serving;
mod signals;
<<<<<<< HEAD
mod signing;
=======
mod simulations;
>>>>>>> b234306 (Gates: arithmetic with its uncertainty, levels of their own that are measured, correction for slices, advised rows, quarantine, looks at latency; simulations of them)
mod sources;
mod structure;
mod suites;
mod support;
