"""What tests, benchmarks and tools share: servers, a RESP client, comparisons with a real peer."""
