//! The quality stage: metrics against scikit-learn's, intervals against what they promise, and the whole stage on
//! real files and real commits.

mod baselines;
mod custom;
mod dvc;
mod fairness;
mod faults;
mod found;
mod levels;
mod looks;
mod mlflow;
mod sampling;
mod slices;
mod tables;
mod task_faults;
mod tasks;
mod texts;
mod wandb;
mod web;
mod world;
