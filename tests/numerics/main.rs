//! Are the statistics equal to the reference within the stated tolerance?
