// Servers of external customers, recognised by a prefix of their domain's name, run only on hosts
// with the trait for such customers.
import { fault } from '#contracts/common/fault.ts';
import { defineFilter } from '../pipeline/step.ts';

const trait = 'CUSTOM_EXTERNAL_CUSTOMER_EXCLUSIVE';

export const externalCustomer = defineFilter({
  name: 'filter_external_customer',
  onFailure: 'refuse',
  parameters: { domainNamePrefixes: 'stringList', ignoredDomainNames: 'stringList' },
  refuse: ({ domainNamePrefixes = [] }) =>
    domainNamePrefixes.length === 0
      ? fault('badRequest', 'filter_external_customer needs domainNamePrefixes.')
      : undefined,
  run(run, { domainNamePrefixes = [], ignoredDomainNames = [] }) {
    const { domainName, intent } = run.request;
    // A failover reservation belongs to no domain.
    if (intent === 'reserve_for_failover' || ignoredDomainNames.includes(domainName)) return;
    if (domainNamePrefixes.some((prefix) => domainName.startsWith(prefix)))
      run.keep(run.fleet.traits.of(trait), 'notForExternalCustomers');
  },
});
