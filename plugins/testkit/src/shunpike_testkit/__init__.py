"""What shunpike plugins are held against: contracts, a scripted upstream, a clock that tests turn."""
