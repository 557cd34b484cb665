// Error replies of an emulated BMC: messages of DMTF's Base registry (DSP0268), with text that
// names what is wrong. Source: DSP0266, "Error responses".
import type { Fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { RawReply } from '#platform/http/messages.ts';

export type BaseMessage =
  | 'AccessDenied'
  | 'ActionParameterMissing'
  | 'ActionParameterValueNotInList'
  | 'GeneralError'
  | 'InsufficientPrivilege'
  | 'InternalError'
  | 'MalformedJSON'
  | 'NoValidSession'
  | 'OperationNotAllowed'
  | 'PreconditionFailed'
  | 'PreconditionRequired'
  | 'PropertyMissing'
  | 'PropertyUnknown'
  | 'PropertyValueNotInList'
  | 'PropertyValueFormatError'
  | 'ResourceCannotBeDeleted'
  | 'ResourceInStandby'
  | 'ResourceMissingAtURI'
  | 'ServiceTemporarilyUnavailable'
  | 'SessionLimitExceeded';

export function redfishError(
  status: number,
  key: BaseMessage,
  message: string,
  headers: Record<string, string> = {},
): RawReply {
  const messageId = `Base.1.8.${key}`;
  const info = { MessageId: messageId, Message: message, Severity: severityOf(status) };
  const body: Json = {
    error: {
      code: messageId,
      message,
      '@Message.ExtendedInfo': [
        { '@odata.type': '#Message.v1_1_1.Message', ...info, Resolution: 'None.' },
      ],
    },
  };
  return { status, headers: { ...redfishHeaders, ...headers }, body };
}

export const redfishHeaders = { 'odata-version': '4.0', 'cache-control': 'no-cache' };

const severityOf = (status: number): string => (status >= 500 ? 'Critical' : 'Warning');

/** The reply for a body that could not be read, or an order that was refused. */
export function faultReply({ kind, message }: Fault): RawReply {
  switch (kind) {
    case 'badRequest':
      return redfishError(400, 'MalformedJSON', message);
    case 'unsupportedMediaType':
      return redfishError(415, 'MalformedJSON', message);
    case 'tooLarge':
      return redfishError(413, 'GeneralError', message);
    case 'requestTimeout':
      return redfishError(408, 'GeneralError', message);
    case 'conflict':
      return redfishError(409, 'ResourceInStandby', message);
    case 'unavailable':
    case 'timeout':
      return redfishError(503, 'ServiceTemporarilyUnavailable', message, { 'retry-after': '5' });
    default:
      return redfishError(500, 'InternalError', message);
  }
}
