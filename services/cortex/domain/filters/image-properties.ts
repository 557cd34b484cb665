// What an image's properties demand of a host: hypervisor type, architecture, firmware, secure
// boot. A host that does not report such a fact is kept, except for secure boot, which must be
// certain.
import type { FilterRun } from '../pipeline/filter-run.ts';
import { defineFilter } from '../pipeline/step.ts';

/** For each `img_hv_type` of Glance, the libvirt driver types that satisfy it. */
const kvmTypes: Readonly<Record<string, readonly string[]>> = {
  kvm: ['kvm', 'qemu', 'ch'],
  qemu: ['kvm', 'qemu'],
  ch: ['ch'],
};
const firmwareTraits: Readonly<Record<string, string>> = {
  uefi: 'COMPUTE_FIRMWARE_UEFI',
  bios: 'COMPUTE_FIRMWARE_BIOS',
};
const secureBoot = 'COMPUTE_SECURITY_UEFI_SECURE_BOOT';

export const imageProperties = defineFilter({
  name: 'filter_image_properties',
  onFailure: 'refuse',
  run(run) {
    const { image } = run.request;
    keepType(run, image.hypervisorType.toLowerCase());
    keepArchitecture(run, canonical(image.architecture));
    keepFirmware(run, image.firmware.toLowerCase());
    if (image.secureBoot) run.keep(run.fleet.traits.of(secureBoot), 'secureBoot');
  },
});

function keepType(run: FilterRun, wanted: string): void {
  if (!wanted) return;
  const fitting = (Object.hasOwn(kvmTypes, wanted) ? kvmTypes[wanted] : undefined) ?? [wanted];
  for (const type of run.fleet.hypervisorTypes.names())
    if (!fitting.includes(type))
      run.drop(run.fleet.hypervisorTypes.of(type), 'hypervisorType', wanted);
}

function keepArchitecture(run: FilterRun, wanted: string): void {
  if (!wanted) return;
  for (const architecture of run.fleet.architectures.names())
    if (canonical(architecture) !== wanted)
      run.drop(run.fleet.architectures.of(architecture), 'imageArchitecture', wanted);
}

/** Maps alternative spellings of an architecture: nova.objects.fields, Architecture. */
const canonical = (architecture: string): string => {
  const name = architecture.toLowerCase();
  return name === 'amd64' ? 'x86_64' : name === 'arm64' ? 'aarch64' : name;
};

/** Hosts report firmware by traits; one with neither trait is kept. */
function keepFirmware(run: FilterRun, wanted: string): void {
  const trait = Object.hasOwn(firmwareTraits, wanted) ? firmwareTraits[wanted] : undefined;
  if (trait === undefined) return;
  const offering = run.fleet.traits.of(trait);
  for (const other of Object.values(firmwareTraits)) {
    const telling = run.fleet.traits.of(other);
    if (other === trait || !telling) continue;
    const without = new Int32Array(run.fleet.words);
    for (let word = 0; word < without.length; word += 1)
      without[word] = (telling[word] ?? 0) & ~(offering?.[word] ?? 0);
    run.drop(without, 'firmware', wanted);
  }
}
