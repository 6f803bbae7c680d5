//! Instances of the models, read from the files people have.
