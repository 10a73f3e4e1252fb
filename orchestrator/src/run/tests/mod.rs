mod chance;
mod control;
mod flow;
mod items;
mod sim;
