//! The quality stage: metrics against scikit-learn's, intervals against what they promise, and the whole stage on
//! real files and real commits.

mod baselines;
mod coverage;
mod dvc;
mod fairness;
mod faults;
mod levels;
mod looks;
mod mlflow;
mod sampling;
mod slices;
mod tables;
mod texts;
mod wandb;
mod web;
mod world;
