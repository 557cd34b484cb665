# Drives a BMC with sushy, Ironic's Redfish library: told origin, certificate file and way of
# authentication as arguments, user and password by the environment; prints what it saw as JSON.
# Called by judges.test.ts.
import json
import os
import sys
import time

import sushy
from sushy import auth

origin, certificate, way = sys.argv[1:]
kind = auth.BasicAuth if way == 'basic' else auth.SessionAuth
connection = sushy.Sushy(
    origin + '/redfish/v1',
    auth=kind(os.environ['BMC_USER'], os.environ['BMC_PASSWORD']),
    verify=certificate,
)
(system,) = connection.get_system_collection().get_members()


def wait_for(state):
    for _ in range(100):
        system.refresh()
        if system.power_state == state:
            return
        time.sleep(0.1)
    raise SystemExit(f'it is {system.power_state}, not {state}')


seen = {'uuid': system.uuid, 'power': [system.power_state.value]}
system.reset_system(sushy.ResetType.FORCE_OFF)
wait_for(sushy.PowerState.OFF)
seen['power'].append(system.power_state.value)
system.set_system_boot_options(
    sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE
)
system.refresh()
seen['boot'] = [system.boot.enabled.value, system.boot.target.value]
system.reset_system(sushy.ResetType.ON)
wait_for(sushy.PowerState.ON)
seen['power'].append(system.power_state.value)
system.refresh()
seen['boot_after'] = system.boot.enabled.value
seen['allowed_resets'] = sorted(v.value for v in system.get_allowed_reset_system_values())
seen['allowed_boots'] = sorted(v.value for v in system.get_allowed_system_boot_source_values())
seen['interfaces'] = list(system.ethernet_interfaces.summary)
seen['processors'] = system.processors.summary.count
(manager,) = connection.get_manager_collection().get_members()
seen['firmware'] = manager.firmware_version
(chassis,) = connection.get_chassis_collection().get_members()
seen['temperatures'] = [t.reading_celsius for t in chassis.thermal.temperatures]
seen['fans'] = [f.reading for f in chassis.thermal.fans]
try:
    system.reset_system('Nonsense')
    seen['refused'] = None
except sushy.exceptions.SushyError as error:
    seen['refused'] = type(error).__name__
print(json.dumps(seen))
