"""Seven LLM providers emulated offline, each in its own dialect, with strict limits and honest books.

Import what you need from where it lives: `shunpike_sandbox.world.SimulatedWorld`, `shunpike_sandbox.faults.Faults`,
`shunpike_sandbox.app.create_app`, `shunpike_sandbox.inprocess.InProcess`, `shunpike_sandbox.server.Running`. Nothing is
imported here, so that a program which merely has the sandbox installed does not wait for it.
"""
