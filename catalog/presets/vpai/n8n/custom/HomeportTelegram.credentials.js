// A kind of credential for n8n (N8N_CUSTOM_EXTENSIONS): a Telegram bot and the chat that it tells, for a node HTTP Request.
//
// Telegram wants a bot's token in the path, where none of n8n's own kinds puts anything, and the node Telegram waits minutes for
// an answer and reads Markdown. So the node has neither token, chat nor address; they are laid into its request when it leaves.
'use strict';

class HomeportTelegram {
  name = 'homeportTelegram';
  displayName = 'Telegram: a bot and its chat';
  properties = [
    { displayName: 'Address', name: 'address', type: 'string', default: 'https://api.telegram.org' },
    { displayName: 'Token', name: 'token', type: 'string', typeOptions: { password: true }, default: '' },
    { displayName: 'Chat', name: 'chat', type: 'string', typeOptions: { password: true }, default: '' },
  ];
  authenticate = async ({ address, token, chat }, request) => {
    if (!token || !chat) throw new Error('no bot or no chat: nothing is sent');
    const uri = `${address.replace(/\/+$/, '')}/bot${token}/sendMessage`;
    return { ...request, uri, body: { ...request.body, chat_id: chat } };
  };
}

module.exports = { HomeportTelegram };
