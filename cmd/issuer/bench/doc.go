// Package bench has no code of its own. Its benchmarks run the real program and the servers of ./reference as processes,
// side by side and in turn, and print what a request costs in each of them. docs/performance/README.md says how to read it.
package bench
