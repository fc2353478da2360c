//! Is the tool list small, flat, unique, documented, and unchanged unless accepted?

mod readme;
