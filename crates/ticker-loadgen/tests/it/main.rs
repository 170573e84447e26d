//! The program against a Ticker made for the purpose, which can be told to misbehave.

mod availability;
mod check;
mod fake;
mod front;
mod load;
mod program;
mod replay;
mod sign_in;
