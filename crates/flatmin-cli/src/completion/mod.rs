//! What completion needs beside the solver: centring, entries held out, scores, the choice of λ.

pub(crate) mod centre;
pub(crate) mod joint;
pub(crate) mod lambda;
pub(crate) mod score;
pub(crate) mod split;
